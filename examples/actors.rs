//! Processes inside a Rust program: start one, send it messages, ask it with a script, shut everything down.
//!
//! `cargo run --example actors`

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use moonlet::runtime::errors::{ErrorData, INTERNAL, NOT_FOUND};
use moonlet::runtime::spawn::{Chunk, Entries, Entry};
use moonlet::runtime::transfer::Parcel;
use moonlet::runtime::{self, Runtime};
use moonlet::stdlib;
use moonlet::vm::image::{Image, random_seed};

/// A process that adds up what it is sent and tells the sum to who asks for it.
const SUM: &str = r#"
    return function()
        local sum, numbers, questions = 0, process.listen("add"), process.listen("sum?")
        while true do
            local chosen = channel.select { numbers:case_receive(), questions:case_receive() }
            if chosen.channel == numbers then
                sum = sum + chosen.value
            else
                process.send(chosen.value, "sum", sum)
            end
        end
    end
"#;

/// A script that asks the process named by its argument.
const ASK: &str = r#"
    local answers = process.listen("sum")
    process.send(..., "sum?", process.pid())
    return (answers:receive())
"#;

/// The entries of this program, compiled from memory: each is a chunk that returns a function.
struct Program;

impl Entries for Program {
    fn resolve(&self, image: &Image, id: &str) -> Result<Entry, ErrorData> {
        if id != "app:sum" {
            return Err(ErrorData::plain(NOT_FOUND, "factory not found"));
        }
        let chunk = Chunk::compile(image, SUM.as_bytes(), "=sum");
        let chunk = chunk.map_err(|message| ErrorData::plain(INTERNAL, &message))?;
        Ok(Entry { id: id.into(), chunk, method: "main".into() })
    }

    fn has_host(&self, id: &str) -> bool {
        id == "app:processes"
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut libraries = stdlib::libraries();
    libraries.extend(runtime::LIBRARIES);
    let image = Image::new(&libraries, false, random_seed());
    let runtime = Runtime::builder().workers(2).build(Arc::clone(&image), Box::new(Program))?;

    let sum = runtime.spawn("app:sum", &Parcel::Empty).map_err(|error| error.full_text())?;
    for n in 1..=100 {
        assert!(runtime.send(sum, "add", Parcel::Integer(n)), "the process waits for more");
    }

    let ask =
        Entry { id: "app:ask".into(), chunk: Chunk::compile(&image, ASK.as_bytes(), "=ask")?, method: "main".into() };
    let address = sum.display("app:processes").to_string().into_bytes();
    match runtime.run_script(&ask, b"ask", &[address]) {
        Ok(Parcel::Integer(total)) => println!("the sum is {total}"),
        Ok(other) => return Err(format!("an integer was expected, not {other:?}").into()),
        Err(error) => return Err(error.full_text().into()),
    }

    // The process never ends by itself; after the deadline it is terminated.
    runtime.shutdown(Duration::from_millis(100));
    println!("afterwards it {}", if runtime.send(sum, "add", Parcel::Nil) { "still runs" } else { "is gone" });
    Ok(())
}

#[cfg(test)]
mod tests {
    #[test]
    fn runs() {
        super::main().expect("the example runs");
    }
}
