// The types of compile.mjs, which says what these do.
export function compiledProgram(folder: string, word: string): string;
export function compiledFolder(root: string): string;
export function compilePrograms(root: string): Promise<string>;
export function compileInto(root: string, folder: string, runFolder?: string): Promise<void>;
