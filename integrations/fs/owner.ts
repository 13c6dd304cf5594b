/** Marks what a tree may change in place: what has another owner is shared with a fork, and copied before it changes. */
export type Owner = object;
