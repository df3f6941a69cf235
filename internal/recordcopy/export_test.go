package recordcopy

// Verify holds a copy of kmdata to what was read of the original.
var Verify = verifyCopy
