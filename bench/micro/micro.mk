# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Micro-benchmarks: one binary. A group is a .cc; loops over the node's code are C, built as it is.

MICRO := $(B)/bench/mev_micro
MICRO_OBJ := $(patsubst bench/micro/%,$(B)/bench/micro.o/%.o,$(basename $(wildcard bench/micro/*.cc))) \
	$(patsubst bench/micro/%,$(B)/bench/micro.o/%.o,$(basename $(wildcard bench/micro/*.c)))
MICRO_FLAGS := -Itests -Ibench/micro -Ibench/mevload -I$(B)/bench/micro.o
MICRO_PROTO := $(B)/bench/micro.o/payload.pb-c
BENCH += $(MICRO)

$(MICRO_PROTO).c: bench/micro/payload.proto
	$(call say,PROTO,$@)
	$(Q)mkdir -p $(@D)
	$(Q)protoc-c --proto_path=bench/micro --c_out=$(@D) $<
$(MICRO_PROTO).o: $(MICRO_PROTO).c
	$(Q)$(CC) $(CFLAGS) -w -c $< -o $@

$(B)/bench/micro.o/%.o: bench/micro/%.c | $(MICRO_PROTO).c $(SKEL)
	$(call say,CC,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(MICRO_FLAGS) $(TEST_CFLAGS) -MMD -MP -c $< -o $@

# C++ has no _Static_assert, and the node's headers have.
$(B)/bench/micro.o/%.o: bench/micro/%.cc
	$(call say,CXX,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CXX) -std=gnu++17 -g $(OPT) -Wall -Wextra -Wno-missing-field-initializers -D_GNU_SOURCE \
		-D_Static_assert=static_assert -Iinclude -Iuser $(MICRO_FLAGS) -MMD -MP -c $< -o $@

$(MICRO): $(MICRO_OBJ) $(MICRO_PROTO).o $(B)/bench/mevload.o/hist.o $(LIB_OBJ)
	$(call say,LD,$@)
	$(Q)$(CXX) $(CFLAGS:-std=gnu11=) $(LDFLAGS) $^ -lbenchmark -lprotobuf-c -lmsgpackc \
		-lsimdjson $(LDLIBS) -o $@

tests: $(MICRO)
