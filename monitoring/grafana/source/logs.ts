/** Logs, where the profile `logs` of Compose runs (Loki and Alloy). The status page, which has Prometheus alone, leaves it out. */
import { type DashboardSource, graph, logLines } from './panels.ts';

const chosen = '{service=~"$service", level=~"$level"} |~ `(?i)$search`';

/** Logs. */
export const logs: DashboardSource = {
  uid: 'logs',
  title: 'Logs',
  description: 'What every container writes. Search for a request id to follow one request through all services.',
  ofLogs: true,
  rows: {
    Volume: [
      graph('Lines by level', {
        description: 'Lines that match the selection above, per step. A sudden rise in one service is worth a look.',
        queries: { '{{level}}': `sum by (level) (count_over_time(${chosen} [$__auto]))` },
        stacked: true,
      }),
      graph('Errors by service', {
        description: 'Lines of level error per step, regardless of the selection above. Normally none.',
        queries: { '{{service}}': 'sum by (service) (count_over_time({level="error"} [$__auto]))' },
        thresholds: { warn: 1, alarm: 10 },
      }),
    ],
    Lines: [
      logLines('Lines', {
        description: 'Newest first. Expand a line to see its fields; `requestId` is the same in all services.',
        queries: { lines: chosen },
      }),
    ],
  },
};
