export type Labels = table

return nil :: {
    counter_add: (name: string, value: number, labels?: Labels) -> (boolean, error?),
    counter_inc: (name: string, labels?: Labels) -> (boolean, error?),
    gauge_dec: (name: string, labels?: Labels) -> (boolean, error?),
    gauge_inc: (name: string, labels?: Labels) -> (boolean, error?),
    gauge_set: (name: string, value: number, labels?: Labels) -> (boolean, error?),
    histogram: (name: string, value: number, labels?: Labels) -> (boolean, error?),
    text: () -> (string, error?),
}
