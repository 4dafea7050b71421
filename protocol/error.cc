#include "protocol/error.h"
