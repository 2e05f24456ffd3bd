-- The module `types`: types put together while a program runs.
return nil :: {
    array: (item: type) -> type,
    literal: (value: string | number | boolean | nil) -> type,
    map: (key: type, value: type) -> type,
    optional: (inner: type) -> type,
    parse: (text: string) -> (type?, string?),
    record: (fields: {[string]: type}) -> type,
    union: (...type) -> type,
    with: (inner: type, validators: {[string]: any}) -> type,
}
