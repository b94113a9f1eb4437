mod conformance;
mod cuts;
mod held;
mod proxy;
mod readable;
mod support;
mod work;
