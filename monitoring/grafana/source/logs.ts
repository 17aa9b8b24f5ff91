/** Logs, where the profile `logs` of Compose runs (Loki and Alloy). The status page, which has Prometheus alone, leaves it out. */
import type { DashboardSource } from './panels.ts';

const chosen = '{service=~"$service", level=~"$level"} |~ `(?i)$search`';

/** Logs. */
export const logs: DashboardSource = {
  uid: 'logs',
  title: 'Logs',
  description: 'What every container writes. Put a request id into the search: it is the same in all of them.',
  ofLogs: true,
  rows: [
    {
      title: 'How many',
      panels: [
        {
          kind: 'graph',
          title: 'Lines by level',
          description:
            'Of what is chosen above, within each step. A service that suddenly writes much more has something to say.',
          unit: 'short',
          queries: [[`sum by (level) (count_over_time(${chosen} [$__auto]))`, '{{level}}']],
          stacked: true,
        },
        {
          kind: 'graph',
          title: 'Errors by service',
          description: 'Lines of level error, within each step, whatever is chosen above. None is normal.',
          unit: 'short',
          queries: [['sum by (service) (count_over_time({level="error"} [$__auto]))', '{{service}}']],
          bad: { warn: 1, alarm: 10 },
        },
      ],
    },
    {
      title: 'Lines',
      panels: [
        {
          kind: 'logs',
          title: 'Lines',
          description: 'The newest first. A line opened shows its fields; `requestId` leads through all services.',
          unit: 'short',
          queries: [[chosen, 'lines']],
        },
      ],
    },
  ],
};
