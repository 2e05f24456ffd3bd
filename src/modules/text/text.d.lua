export type Regexp = userdata @opaque("text.Regexp") & {
    find_all_string: (self: Regexp, text: string, n?: integer) -> {string},
    find_all_string_index: (self: Regexp, text: string, n?: integer) -> {{integer}}?,
    find_all_string_submatch: (self: Regexp, text: string, n?: integer) -> {{string}},
    find_string: (self: Regexp, text: string) -> string?,
    find_string_index: (self: Regexp, text: string) -> {integer}?,
    find_string_submatch: (self: Regexp, text: string) -> {string}?,
    match_string: (self: Regexp, text: string) -> boolean,
    num_subexp: (self: Regexp) -> integer,
    replace_all_string: (self: Regexp, text: string, replacement: string) -> string,
    split: (self: Regexp, text: string, n?: integer) -> {string},
    string: (self: Regexp) -> string,
    subexp_names: (self: Regexp) -> {string},
}
export type Diff = {operation: string, text: string}
-- Places are counted in characters, from 1.
export type Patch = {start1: integer, start2: integer, diffs: {Diff}}
export type Summary = {equals: integer, deletions: integer, insertions: integer}
export type DiffOptions = {
    diff_timeout: number?, diff_edit_cost: number?, match_threshold: number?, match_distance: number?,
    patch_delete_threshold: number?, patch_margin: number?,
}
export type Differ = userdata @opaque("text.Differ") & {
    compare: (self: Differ, a: string, b: string) -> ({Diff}, error?),
    patch_apply: (self: Differ, patches: {Patch}, text: string) -> (string, boolean, error?),
    patch_make: (self: Differ, a: string, b: string) -> ({Patch}, error?),
    pretty_html: (self: Differ, diffs: {Diff}) -> (string, error?),
    pretty_text: (self: Differ, diffs: {Diff}) -> (string, error?),
    summarize: (self: Differ, diffs: {Diff}) -> (Summary, error?),
}
export type Document = {content: string, metadata: any}
export type RecursiveOptions = {
    chunk_size: integer?, chunk_overlap: integer?, separators: {string}?, keep_separator: boolean?,
}
export type MarkdownOptions = {
    chunk_size: integer?, chunk_overlap: integer?, code_blocks: boolean?, reference_links: boolean?,
    heading_hierarchy: boolean?, join_table_rows: boolean?,
}
export type Splitter = userdata @opaque("text.Splitter") & {
    split_batch: (self: Splitter, documents: {Document}) -> ({Document}, error?),
    split_text: (self: Splitter, text: string) -> ({string}, error?),
}

return nil :: {
    diff: {new: (options?: DiffOptions) -> (Differ, error?)},
    regexp: {compile: (pattern: string) -> (Regexp, error?)},
    splitter: {
        markdown: (options?: MarkdownOptions) -> (Splitter, error?),
        recursive: (options?: RecursiveOptions) -> (Splitter, error?),
    },
}
