/** A part of a list, as it is read. `last`: the index member at which the next page goes on, `undefined` at the end of the list. */
export type Page<Item> = { readonly items: readonly Item[]; readonly last: string | undefined };
