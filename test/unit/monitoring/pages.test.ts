/** Texts that people read: mails' names, runbooks as pages, dashboards' queries. */
import { readdirSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { fileNameOf, subjectOf } from '../../../monitoring/mailbox/mail.ts';
import { fillVariables, legendOf, panelsOf, readDashboards } from '../../../monitoring/status/dashboards.ts';
import { mostOf } from '../../../monitoring/status/growth.ts';
// @ts-expect-error plain JavaScript of the page
import { capacityOf } from '../../../monitoring/status/page/capacity.js';
// @ts-expect-error plain JavaScript of the page
import { colourOf, lineTimes, stack, stretchesOf } from '../../../monitoring/status/page/series.js';
import { htmlOf, runbookPage } from '../../../monitoring/status/runbook.ts';

describe('a mail in the mailbox', () => {
  test('is named by time and subject', async () => {
    const mail = 'From: a@b.c\r\nSubject: [CRITICAL] users is down: no replica answers\r\n\r\nSubject: not this\r\n';
    expect(await fileNameOf(mail, new Date('2026-11-20T18:40:15.123Z'))).toBe(
      '20261120T184015123Z-CRITICAL-users-is-down-no-replica-answers.eml',
    );
  });

  test('may have a subject that is folded and encoded', async () => {
    expect(await subjectOf('Subject: one\r\n two\r\n\r\n')).toBe('one two');
    expect(await subjectOf('Subject: =?utf-8?q?caf=C3=A9_?=\r\n =?utf-8?q?au_lait?=\r\n\r\n')).toBe('café au lait');
    expect(await subjectOf('Subject: =?UTF-8?B?Y2Fmw6k=?=\r\n\r\n')).toBe('café');
  });

  test('never leaves its folder, whatever its subject is', async () => {
    expect(await fileNameOf('Subject: ../../etc/passwd\r\n\r\n', new Date(0))).toBe(
      '19700101T000000000Z-etc-passwd.eml',
    );
    expect(await fileNameOf('no head at all', new Date(0))).toBe('19700101T000000000Z-no-subject.eml');
  });
});

describe('a runbook as a page', () => {
  test('shows what Markdown means and nothing that it is not', () => {
    expect(htmlOf('# A b\n\n- **b** `c<d` & [e](E.md#f)\n\ntext\n\n    code & more')).toBe(
      '<h1 id="a-b">A b</h1>\n<ul>\n<li><strong>b</strong> <code>c&lt;d</code> &amp; <a href="/status/runbooks/E#f">e</a></li>\n</ul>\n<p>text</p>\n<pre><code>code &amp; more\n</code></pre>\n',
    );
  });

  test('runs no script and links to runbooks and https alone', () => {
    expect(htmlOf('<script>alert(1)</script> <b>')).not.toMatch(/<script|<b>/);
    expect(htmlOf('[x](javascript:alert(1)) [y](../../ops/README.md) ![z](https://a.example/z.png)')).not.toMatch(
      /<a|<img/,
    );
    expect(htmlOf('[docs](https://redis.io/docs)')).toContain('<a href="https://redis.io/docs">docs</a>');
  });

  test('has every section that another links to', () => {
    const names = readdirSync('monitoring/runbooks').map((name) => name.replace('.md', ''));
    const pages = new Map(names.map((name) => [name, runbookPage(name) ?? '']));
    for (const page of pages.values()) {
      for (const [, name = '', section] of page.matchAll(/href="\/status\/runbooks\/(\w+)(?:#([\w-]+))?"/g)) {
        expect(pages.has(name), name).toBe(true);
        if (section !== undefined) expect(pages.get(name)).toContain(`id="${section}"`);
      }
    }
  });

  test('exists for alerts only', () => {
    expect(runbookPage('NginxDown')).toContain('<title>NginxDown');
    for (const name of ['../status/main', 'Nothing', '', 'NginxDown.md']) expect(runbookPage(name)).toBeUndefined();
  });
});

describe('a dashboard without Grafana', () => {
  test('has the rate over at least four scrapes, and all services', () => {
    expect(fillVariables('rate(a{s=~"$service"}[$__rate_interval])', 5)).toBe('rate(a{s=~".+"}[20s])');
    expect(fillVariables('rate(a[$__rate_interval])', 360)).toBe('rate(a[365s])');
  });

  test('fills in its legends', () => {
    expect(legendOf('{{method}} {{ route }} {{none}}', { method: 'GET', route: '/users' })).toBe('GET /users');
  });

  test('is any of Grafana but the logs, the overview first', () => {
    const uids = readDashboards().map(({ uid }) => uid);
    expect(uids[0]).toBe('overview');
    const files = readdirSync('monitoring/grafana/dashboards').map((name) => name.replace('.json', ''));
    expect([...uids, 'logs'].sort()).toEqual(files.sort());
  });

  test('has queries, unit, thresholds and texts of each panel', () => {
    const panels = readDashboards().flatMap(panelsOf);
    expect(panels.find(({ title }) => title === 'Redis masters')).toMatchObject({
      kind: 'stat',
      width: 4,
      queries: [{ expr: 'count(instance:redis_master:info) or vector(0)', legend: 'masters' }],
      unit: 'short',
      texts: { 1: { text: 'one', color: 'green' } },
      isStacked: false,
    });
    expect(panels.find(({ title }) => title === 'Error rate')).toMatchObject({
      kind: 'graph',
      unit: 'percentunit',
      thresholds: [
        { value: null, color: 'green' },
        { value: 0.01, color: 'orange' },
        { value: 0.05, color: 'red' },
      ],
      drawsThresholds: true,
    });
  });
});

describe('the lines of a panel', () => {
  const thresholds = [
    { value: null, color: 'green' },
    { value: 2, color: 'orange' },
    { value: 3, color: 'red' },
  ];

  test.each([
    [1, 'green'],
    [2, 'orange'],
    [9, 'red'],
    [Number.NaN, 'green'],
  ])('a value of %d is %s', (value, colour) => expect(colourOf(value, thresholds)).toBe(colour));

  test('are stretches of one value, ended by another value or by a gap', () => {
    const points = [
      [0, 1],
      [5, 1],
      [10, 2],
      [60, 2],
    ];
    expect(stretchesOf(points, 5)).toEqual([
      { value: 1, from: 0, to: 10 },
      { value: 2, from: 10, to: 15 },
      { value: 2, from: 60, to: 65 },
    ]);
  });

  test('have a time without a value at the end of a gap', () => {
    expect(
      lineTimes(
        [
          { points: [[0, 1]] },
          {
            points: [
              [5, 1],
              [30, 1],
            ],
          },
        ],
        5,
      ),
    ).toEqual([0, 5, 25, 30]);
  });

  test('stand on one another when stacked, the last at the bottom', () => {
    expect(
      stack([
        [1, 1],
        [2, null],
        [3, 3],
      ]),
    ).toEqual([
      [6, 4],
      [5, null],
      [3, 3],
    ]);
  });
});

describe('the users who added most', () => {
  test('are ten, by what they added to all services together', () => {
    const growers = Array.from({ length: 12 }, (_, i) => ({ userId: `u${i}`, bytes: 100 + i, service: 'users' }));
    const most = mostOf([...growers, { userId: 'u0', bytes: 1000, service: 'purchases' }]);
    expect(most).toHaveLength(10);
    expect(most[0]).toEqual({ userId: 'u0', bytes: 1100, services: { users: 100, purchases: 1000 } });
    expect(most.slice(1).map(({ userId }) => userId)).toEqual([11, 10, 9, 8, 7, 6, 5, 4, 3].map((i) => `u${i}`));
  });
});

describe('how full Redis is', () => {
  test.each([
    [{}, 'cannot be read', 'info'],
    [{ used: 0.1 }, '6 hours of history', 'info'],
    [{ used: 0.1, daysLeft: 4000 }, 'not full within a year', 'good'],
    [{ used: 0.61, daysLeft: 20.7 }, 'in 20 days', 'good'],
    [{ used: 0.7, daysLeft: 1.5 }, 'in 1 day the shop begins to refuse', 'warn'],
  ])('%j reads as %s', (capacity, words, level) => {
    expect(capacityOf(capacity)).toMatchObject({ text: expect.stringContaining(words), level });
  });
});
