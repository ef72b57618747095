# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# The load generator. Every bench/mevload/*.c is part of it, every *.bpf.c there has a skeleton.

MEVLOAD := $(B)/bench/mevload
MEVLOAD_SRC := $(filter-out %.bpf.c,$(wildcard bench/mevload/*.c))
MEVLOAD_OBJ := $(MEVLOAD_SRC:bench/mevload/%.c=$(B)/bench/mevload.o/%.o)
MEVLOAD_SKEL := $(patsubst bench/mevload/%.bpf.c,$(B)/sys/%.skel.h,$(wildcard bench/mevload/*.bpf.c))
# What knows neither sockets nor the command line is tested with the unit tests.
MEVLOAD_PURE := $(patsubst %,$(B)/bench/mevload.o/%.o,frames frames_pcap frames_swaps hist \
	live_kinds live_mix matcher schedule swap_frame)
BENCH += $(MEVLOAD)

$(B)/bpf/%.bpf.o: bench/mevload/%.bpf.c
	$(call say,BPF,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CLANG) $(BPF_CFLAGS) -Ibpf -MMD -MP -c $< -o $@

$(MEVLOAD_OBJ): CPPFLAGS += -Ibench/mevload
$(MEVLOAD_OBJ): $(B)/bench/mevload.o/%.o: bench/mevload/%.c | $(SKEL) $(MEVLOAD_SKEL)
	$(call say,CC,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -MD -MP -c $< -o $@

$(MEVLOAD): $(MEVLOAD_OBJ) $(LIB_OBJ)
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) $^ $(LDLIBS) -lm -o $@

tests: $(MEVLOAD)
$(B)/unit-tests: $(MEVLOAD_PURE)
$(B)/unit-tests: LDLIBS += -lm
$(B)/tests/unit/test_mevload.o $(B)/tests/unit/test_mevload_live.o: CPPFLAGS += -Ibench/mevload
