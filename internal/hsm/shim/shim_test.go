package shim_test
