export type Stat = {name: string, size: integer, mode: integer, modified: integer, is_dir: boolean, type: string}
export type Entry = {name: string, type: string}
export type Scanner = userdata @opaque("fs.Scanner") & {
    err: (self: Scanner) -> string?,
    scan: (self: Scanner) -> boolean,
    text: (self: Scanner) -> string,
}
export type File = userdata @opaque("fs.File") & {
    close: (self: File) -> (boolean, error?),
    read: (self: File, n?: integer) -> (string, error?),
    scanner: (self: File, split?: string) -> (Scanner, error?),
    seek: (self: File, whence: string, offset?: integer) -> (integer, error?),
    stat: (self: File) -> (Stat, error?),
    sync: (self: File) -> (boolean, error?),
    write: (self: File, text: string) -> (boolean, error?),
}
export type Volume = userdata @opaque("fs.Volume") & {
    chdir: (self: Volume, path: string) -> (boolean, error?),
    exists: (self: Volume, path: string) -> (boolean, error?),
    isdir: (self: Volume, path: string) -> (boolean, error?),
    open: (self: Volume, path: string, mode: string) -> (File, error?),
    mkdir: (self: Volume, path: string) -> (boolean, error?),
    pwd: (self: Volume) -> (string, error?),
    read_file: (self: Volume, path: string) -> (string, error?),
    readdir: (self: Volume, path: string) -> (any, any),
    readfile: (self: Volume, path: string) -> (string, error?),
    remove: (self: Volume, path: string) -> (boolean, error?),
    stat: (self: Volume, path: string) -> (Stat, error?),
    write_file: (self: Volume, path: string, data: any, mode?: string) -> (boolean, error?),
    writefile: (self: Volume, path: string, data: any, mode?: string) -> (boolean, error?),
}

return nil :: {
    get: (id: string) -> (Volume, error?),
    seek: {CUR: string, END: string, SET: string},
    type: {DIR: string, FILE: string},
}
