return nil :: {
    clock: () -> float,
    date: (format?: string, time?: number) -> any,
    difftime: (later: number, earlier?: number) -> float,
    execute: (command?: string) -> (boolean?, string?, integer?),
    exit: (code?: boolean | integer, close?: any) -> never,
    getenv: (name: string) -> string?,
    remove: (name: string) -> (boolean?, string?, integer?),
    rename: (from: string, to: string) -> (boolean?, string?, integer?),
    setlocale: (locale?: string, category?: string) -> string?,
    time: (date?: table) -> integer,
    tmpname: () -> string,
}
