return nil :: {
    create: (f: function) -> thread,
    isyieldable: () -> boolean,
    resume: (co: thread, ...any) -> (boolean, ...any),
    running: () -> (thread, boolean),
    status: (co: thread) -> string,
    wrap: (f: function) -> (...any) -> ...any,
    yield: (...any) -> ...any,
}
