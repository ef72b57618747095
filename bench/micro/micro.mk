# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Micro-benchmarks: a binary for each .cc, all with the C files beside them.

BENCH_MICRO := $(patsubst bench/micro/%.cc,$(B)/bench/%,$(wildcard bench/micro/*.cc))
BENCH_MICRO_OBJ := $(patsubst bench/micro/%.c,$(B)/bench/micro/%.o,$(wildcard bench/micro/*.c))
BENCH += $(BENCH_MICRO)

$(BENCH_MICRO_OBJ): $(B)/bench/micro/%.o: bench/micro/%.c
	$(call say,CC,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c $< -o $@

$(BENCH_MICRO): $(B)/bench/%: bench/micro/%.cc $(BENCH_MICRO_OBJ)
	$(call say,CXX,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CXX) -std=gnu++17 -g -O3 -Wall -Wextra -D_GNU_SOURCE -Iinclude -Iuser -Ibench/micro \
		-MMD -MP -MF $@.d $< $(BENCH_MICRO_OBJ) -lbenchmark -lpthread -o $@
