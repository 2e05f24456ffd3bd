return nil :: {
    decode: (text: any) -> (any, error?),
    encode: (value?: any) -> (string, error?),
    validate: (schema: any, value: any) -> (boolean, error?),
    validate_string: (schema: any, text: any) -> (boolean, error?),
}
