//! Processes inside a Rust program: start them, send them messages, wait for their results, shut everything down.
//!
//! `cargo run --example actors`

use std::error::Error;
use std::time::Duration;

use moonlet::{Data, Runtime};

/// Adds up what it is sent, and tells the sum to who asks for it.
const COUNTER: &str = r#"
    return function(start)
        local sum, numbers, questions = start, process.listen("add"), process.listen("sum?")
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

/// Asks a counter; its result is the answer.
const ASK: &str = r#"
    return function(counter)
        local answers = process.listen("sum")
        process.send(counter, "sum?", process.pid())
        local sum = answers:receive()
        return { counter = counter, sum = sum }
    end
"#;

fn main() -> Result<(), Box<dyn Error>> {
    let runtime = Runtime::builder().workers(2).entry("app:counter", COUNTER).entry("app:ask", ASK).build()?;

    let counter = runtime.spawn("app:counter", (1000,))?;
    for n in 1..=100 {
        counter.send("add", n)?;
    }

    // `wait` blocks this thread until the process has returned; the counter goes on meanwhile.
    let answer = runtime.spawn("app:ask", (counter.pid(),))?.wait()?;
    println!("the sum is {:?}", answer.get("sum"));
    assert_eq!(answer.get("sum"), Some(&Data::Integer(6050)));

    match runtime.spawn("app:nobody", ()) {
        Ok(_) => return Err("there is no such entry".into()),
        Err(error) => println!("as expected: {error}"),
    }

    // The counter never ends by itself; after the deadline it is terminated.
    runtime.shutdown(Duration::from_millis(100));
    println!("afterwards: {}", counter.send("add", 1).unwrap_err());
    Ok(())
}

#[cfg(test)]
mod tests {
    #[test]
    fn runs() {
        super::main().expect("the example runs");
    }
}
