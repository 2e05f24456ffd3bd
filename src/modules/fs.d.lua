export type Stat = {name: string, size: integer, mode: integer, modified: integer, is_dir: boolean, type: string}
export type Entry = {name: string, type: string}
export type Volume = userdata @opaque("fs.Volume") & {
    chdir: (self: Volume, path: string) -> (boolean, error?),
    exists: (self: Volume, path: string) -> (boolean, error?),
    isdir: (self: Volume, path: string) -> (boolean, error?),
    mkdir: (self: Volume, path: string) -> (boolean, error?),
    pwd: (self: Volume) -> (string, error?),
    read_file: (self: Volume, path: string) -> (string, error?),
    readdir: (self: Volume, path: string) -> (any, any),
    readfile: (self: Volume, path: string) -> (string, error?),
    remove: (self: Volume, path: string) -> (boolean, error?),
    stat: (self: Volume, path: string) -> (Stat, error?),
    write_file: (self: Volume, path: string, data: string, mode?: string) -> (boolean, error?),
    writefile: (self: Volume, path: string, data: string, mode?: string) -> (boolean, error?),
}

return nil :: {
    get: (id: string) -> (Volume, error?),
    seek: {CUR: string, END: string, SET: string},
    type: {DIR: string, FILE: string},
}
