export type Future = userdata @opaque("funcs.Future") & {
    cancel: (self: Future) -> (boolean, error?),
    channel: (self: Future) -> channel.Channel,
    error: (self: Future) -> (error?, boolean),
    is_canceled: (self: Future) -> boolean,
    is_complete: (self: Future) -> boolean,
    response: (self: Future) -> channel.Channel,
    result: (self: Future) -> (payload.Payload?, error?),
}
export type Executor = userdata @opaque("funcs.Executor") & {
    async: (self: Executor, target: string, ...any) -> (Future, error?),
    call: (self: Executor, target: string, ...any) -> (any, error?),
    with_actor: (self: Executor, actor: any) -> (Executor, error?),
    with_context: (self: Executor, context: table) -> Executor,
    with_options: (self: Executor, options: table) -> Executor,
    with_scope: (self: Executor, scope: any) -> (Executor, error?),
}

return nil :: {
    async: (target: string, ...any) -> (Future, error?),
    call: (target: string, ...any) -> (any, error?),
    new: () -> Executor,
}
