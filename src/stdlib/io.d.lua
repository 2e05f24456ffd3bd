export type File = userdata @opaque("FILE*") & {
    close: (self: File) -> (boolean?, string?, integer?),
    flush: (self: File) -> (File?, string?, integer?),
    lines: (self: File, ...any) -> (...any) -> ...any,
    read: (self: File, ...any) -> ...any,
    seek: (self: File, whence?: string, offset?: integer) -> (integer?, string?, integer?),
    setvbuf: (self: File, mode: string, size?: integer) -> (boolean?, string?, integer?),
    write: (self: File, ...string) -> (File?, string?, integer?),
}

return nil :: {
    close: (file?: File) -> (boolean?, string?, integer?),
    flush: () -> (File?, string?, integer?),
    input: (file?: File | string) -> File,
    lines: (name?: string, ...any) -> (...any) -> ...any,
    open: (name: string, mode?: string) -> (File?, string?, integer?),
    output: (file?: File | string) -> File,
    popen: (command: string, mode?: string) -> (File?, string?, integer?),
    read: (...any) -> ...any,
    tmpfile: () -> (File?, string?, integer?),
    type: (value: any) -> string?,
    write: (...string) -> (File?, string?, integer?),
    stdin: File,
    stdout: File,
    stderr: File,
}
