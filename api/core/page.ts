/** A part of a list, as it is read. `last`: the index member after which the next page begins, `undefined` at the end of the list. */
export type Page<Item> = { readonly items: readonly Item[]; readonly last: string | undefined };
