/** All dashboards. `main.ts` beside this file writes them as the JSON that Grafana and the status page read. */
import { monitoring, nginx, redis } from './infrastructure.ts';
import { logs } from './logs.ts';
import { business, overview } from './overview.ts';
import { type DashboardSource, dashboardJson } from './panels.ts';
import { api, runtime } from './services.ts';

const dashboards: readonly DashboardSource[] = [overview, api, runtime, redis, nginx, business, monitoring, logs];

/** File name and content of each dashboard. */
export function dashboardFiles(): { name: string; text: string }[] {
  return dashboards.map((each) => ({
    name: `${each.uid}.json`,
    text: `${JSON.stringify(dashboardJson(each), null, 2)}\n`,
  }));
}
