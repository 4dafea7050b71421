// Calls into libpannier, made without the interpreter's lock, so that other threads of Python run meanwhile.
#pragma once

#include <Python.h>

#include <exception>
#include <optional>
#include <type_traits>
#include <utility>

namespace pannier::python {

/// Thrown by check_signals: the handler of a signal has raised, and its exception is set.
struct Interrupted : std::exception {};

/// For ClientOptions::on_signal, without the interpreter's lock: runs the handlers of signals that have come,
/// as in the main thread after each function. Throws Interrupted.
inline void check_signals() {
  const auto state = PyGILState_Ensure();
  const bool has_raised = PyErr_CheckSignals() != 0;
  PyGILState_Release(state);
  if (has_raised) throw Interrupted();
}

/// What `call()` returns or throws; `call` must touch no Python object. A daemon thread whose interpreter has
/// ended in between does not come back: PyEval_RestoreThread then unwinds it, without the lock. So a caller
/// holds no owning reference to a Python object across this call (views into arguments are fine: whoever
/// called holds those).
template <class Call>
std::invoke_result_t<Call> without_gil(Call&& call) {
  using Result = std::invoke_result_t<Call>;
  std::exception_ptr error;
  PyThreadState* const thread = PyEval_SaveThread();
  // Not by a destructor: RestoreThread may unwind, and must not do so while another exception does.
  if constexpr (std::is_void_v<Result>) {
    try {
      std::forward<Call>(call)();
    } catch (const std::exception&) {
      error = std::current_exception();
    }
    PyEval_RestoreThread(thread);
    if (error) std::rethrow_exception(error);
  } else {
    std::optional<Result> result;
    try {
      result.emplace(std::forward<Call>(call)());
    } catch (const std::exception&) {
      error = std::current_exception();
    }
    PyEval_RestoreThread(thread);
    if (error) std::rethrow_exception(error);
    return *std::move(result);
  }
}

}  // namespace pannier::python
