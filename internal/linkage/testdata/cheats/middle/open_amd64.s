#include "textflag.h"

TEXT ·open(SB), NOSPLIT, $0-8
	MOVL $41, AX // socket
	CALL ·harmless+5(SB)
	MOVQ AX, ret+0(FP)
	RET

TEXT ·harmless(SB), NOSPLIT, $0-0
	MOVL $39, AX // getpid
	SYSCALL
	RET
