#include "protocol/writer.h"
