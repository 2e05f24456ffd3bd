return nil :: {
    array: (elem: type) -> type,
    literal: (value: string | number | boolean | nil) -> type,
    map: (key: type, value: type) -> type,
    optional: (inner: type) -> type,
    parse: (text: string) -> (type?, string?),
    record: (fields: {[string]: type}) -> type,
    union: (...type) -> type,
    with: (of: type, validators: {[string]: any}) -> type,
}
