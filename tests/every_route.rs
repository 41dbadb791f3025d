//! Every route × everyone.
