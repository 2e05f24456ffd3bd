//! moonlet
fn main() {
    let f = std::env::args().nth(1).unwrap();
    let f = if f == "run" { std::env::args().nth(2).unwrap() } else { f };
    let src = std::fs::read(&f).unwrap();
    let lua = moonlet::Lua::new();
    let r = lua.load(&src).set_name(format!("@{f}")).exec();
    let _ = moonlet::stdlib::output::flush_output();
    if let Err(moonlet::Error::Runtime{message,traceback,..}) = &r { eprintln!("{message}\n{traceback}"); std::process::exit(1) }
    r.unwrap();
}
