export type Details = {message: string, kind?: string, retryable?: boolean, details?: table}
export type ErrorMethods = {
    details: (self: error) -> any,
    kind: (self: error) -> string,
    message: (self: error) -> string,
    retryable: (self: error) -> boolean?,
    stack: (self: error) -> string,
}

return nil :: {
    ALREADY_EXISTS: string,
    CANCELED: string,
    CONFLICT: string,
    INTERNAL: string,
    INVALID: string,
    NOT_FOUND: string,
    PERMISSION_DENIED: string,
    RATE_LIMITED: string,
    TIMEOUT: string,
    UNAVAILABLE: string,
    UNKNOWN: string,
    call_stack: (value: any) -> any,
    is: (value: any, kind: string) -> boolean,
    new: (message: string | Details, ...any) -> error,
    wrap: (value: string | error, context: string | error) -> error,
}
