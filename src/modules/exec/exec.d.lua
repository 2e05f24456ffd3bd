export type ExecOptions = {work_dir: string?, env: {[string]: any}?}
export type Process = userdata @opaque("exec.Process") & {
    close: (self: Process, force?: boolean) -> (boolean, error?),
    signal: (self: Process, signal: integer) -> (boolean, error?),
    start: (self: Process) -> (boolean, error?),
    stderr_stream: (self: Process) -> (any, error?),
    stdout_stream: (self: Process) -> (any, error?),
    wait: (self: Process) -> (integer, error?),
    write_stdin: (self: Process, text: string) -> (boolean, error?),
}
export type Executor = userdata @opaque("exec.Executor") & {
    exec: (self: Executor, command: string, options?: ExecOptions) -> (Process, error?),
    release: (self: Executor) -> boolean,
}

return nil :: {
    get: (id: string) -> (Executor, error?),
}
