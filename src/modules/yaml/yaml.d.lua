export type Options = {field_order: {string}?, sort_unordered: boolean?, indent: integer?}

return nil :: {
    decode: (text: string) -> (any, error?),
    encode: (value: any, options?: Options) -> (string, error?),
}
