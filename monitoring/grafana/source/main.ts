/** Writes the dashboards: `node --import tsx monitoring/grafana/source/main.ts`. A test fails while what is written is not what is said here. */
import { writeFileSync } from 'node:fs';
import { dashboardFiles } from './all.ts';

for (const { name, text } of dashboardFiles()) writeFileSync(new URL(`../dashboards/${name}`, import.meta.url), text);
