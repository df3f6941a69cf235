#include "textflag.h"

TEXT ·open(SB), NOSPLIT, $16-8
	MOVQ $39, 8(SP) // getpid
	LEAQ 8(SP), BX
	MOVQ $41, (BX)  // socket
	MOVQ 8(SP), AX
	SYSCALL
	MOVQ AX, ret+0(FP)
	RET
