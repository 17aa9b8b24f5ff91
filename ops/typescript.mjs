// `node --import ops/typescript.mjs FILE.ts`: the official builds of Node from 22.18 on read TypeScript themselves, and this does nothing.
// Others (Debian's, for one) are built without that, and tsx teaches them.
if (!process.features.typescript) await import('tsx');
