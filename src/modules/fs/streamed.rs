//! `volume:writefile` with a stream as the data: a piece is read when the one before is written.

use std::io::{self, Write};

use smallvec::smallvec;
use tokio::task::spawn_blocking;

use super::error_kind;
use super::place::{Mode, Place};
use crate::modules::fields::error_value;
use crate::modules::stream::Stream;
use crate::runtime::errors::ErrorData;
use crate::runtime::operation::run_future;
use crate::vm::Vm;
use crate::vm::native::NativeResult;
use crate::vm::value::Value;

/// Writes what is left of a stream to a file.
pub(super) fn write(vm: &mut Vm, place: Place, stream: Stream, mode: Mode) -> NativeResult {
    let written = async move {
        let shown = place.shown.display().to_string();
        let failed = |error: io::Error| ErrorData::judged(error_kind(&error), &format!("{shown}: {error}"), false);
        let mut file = blocking(move || place.open(mode)).await.map_err(failed)?;
        while let Some(bytes) = stream.read(usize::MAX).await? {
            file = blocking(move || file.write_all(&bytes).map(|()| file)).await.map_err(failed)?;
        }
        Ok(())
    };
    run_future(vm, "file operation", written, |vm, result: Result<(), ErrorData>| {
        Ok(match result {
            Ok(()) => smallvec![Value::TRUE, Value::NIL],
            Err(error) => smallvec![Value::FALSE, error_value(vm, error)],
        })
    })
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
    spawn_blocking(work).await.map_err(io::Error::other).flatten()
}
