// Where standard error is systemd's journal, which keeps the time and the level of each line by itself, a
// line of the log is its level as the journal reads it (sd-daemon(3): "<4>" for a warning) and the text.
#pragma once

namespace pannier::daemon {

/// Whether standard error is the stream that $JOURNAL_STREAM names (systemd.exec(5)). The variable alone says
/// little: a program in a service may have sent its output elsewhere.
bool stderr_is_journal();

}  // namespace pannier::daemon
