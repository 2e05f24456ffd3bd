return nil :: {
    running: () -> (thread, boolean),
    spawn: (f: function, ...any) -> thread,
}
