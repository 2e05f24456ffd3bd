export type Module = {name: string, class: {string}}
export type Host = {id: string, status: string, processes: integer}
export type Service = {
    id: string, status: string, desired: string, retry_count: integer, last_update: integer, started_at: integer?,
    details: string,
}

return nil :: {
    cluster: {
        leader: () -> (string, error?),
        members: () -> ({string}, error?),
        size: () -> (integer, error?),
    },
    exit: (code?: integer) -> (nil, error?),
    gc: {
        collect: () -> (boolean, error?),
        get_percent: () -> (integer, error?),
        set_percent: (percent: integer) -> (integer, error?),
    },
    hosts: {
        list: () -> ({Host}, error?),
        processes: (id: string) -> ({string}, error?),
    },
    lock: {
        acquire: (name: string) -> (boolean, error?),
        release: (name: string) -> (boolean, error?),
    },
    memory: {
        allocated: () -> (integer, error?),
        get_limit: () -> (integer, error?),
        heap_objects: () -> (integer, error?),
        set_limit: (bytes: integer) -> (integer, error?),
        stats: () -> ({[string]: integer}, error?),
    },
    modules: () -> ({Module}, error?),
    node: {
        addr: () -> (string, error?),
        id: () -> (string, error?),
        role: () -> (string, error?),
    },
    process: {
        cwd: () -> (string, error?),
        hostname: () -> (string, error?),
        pid: () -> (integer, error?),
    },
    raft: {
        leader: () -> (string, error?),
        state: () -> (string, error?),
    },
    runtime: {
        cpu_count: () -> (integer, error?),
        goroutines: () -> (integer, error?),
        max_procs: (count?: integer) -> (integer, error?),
        tasks: () -> (integer, error?),
    },
    supervisor: {
        state: (id: string) -> (Service, error?),
        states: () -> ({Service}, error?),
    },
}
