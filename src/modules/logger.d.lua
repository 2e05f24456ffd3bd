export type Logger = userdata @opaque("logger.Logger") & {
    debug: (self: Logger, message: string, fields?: {[string]: any}) -> (),
    error: (self: Logger, message: string, fields?: {[string]: any}) -> (),
    info: (self: Logger, message: string, fields?: {[string]: any}) -> (),
    named: (self: Logger, name: string) -> (Logger, error?),
    warn: (self: Logger, message: string, fields?: {[string]: any}) -> (),
    with: (self: Logger, fields: {[string]: any}) -> (Logger, error?),
}

return nil :: {
    debug: (self: any, message: string, fields?: {[string]: any}) -> (),
    error: (self: any, message: string, fields?: {[string]: any}) -> (),
    info: (self: any, message: string, fields?: {[string]: any}) -> (),
    named: (self: any, name: string) -> (Logger, error?),
    warn: (self: any, message: string, fields?: {[string]: any}) -> (),
    with: (self: any, fields: {[string]: any}) -> (Logger, error?),
}
