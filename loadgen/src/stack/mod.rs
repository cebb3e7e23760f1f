//! Brings up, finds and takes down what the load goes through.
