mod conformance;
mod readable;
mod support;
