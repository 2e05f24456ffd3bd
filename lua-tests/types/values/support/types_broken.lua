export type X = {
