//! Claims about whole runs.
