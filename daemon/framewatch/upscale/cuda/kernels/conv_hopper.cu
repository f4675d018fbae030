// A 3x3 convolution of 64 channels to 64 with its PReLU, for Hopper's warpgroup matrix products (sm_90a).
//
// D[64 channels x TILE pixels] += W[64 x 16] X[16 x TILE] for each tap and each 16 input channels: 36 products. The
// weights are the left operand and the pixels the right one, so that a product covers a whole row of TILE pixels and
// shared memory is read once for all 64 output channels. Rows lie in shared memory as in global memory, in planes of 8
// channels: 8 pixels are then 128 contiguous bytes, which is the layout without swizzle, and a tap's shift by one pixel
// is a shift of the start address by 16 bytes.
//
// A block walks down a strip of TILE columns. A producer warp copies each row once into a ring. Two warpgroups take the
// rows in turn, so that the PReLU and stores of one run beside the products of the other.

#define CONSUMERS 256  // threads of two warpgroups
#define PLANE_BYTES ((TILE + 2) * PIXEL)
#define ROW_BYTES (PLANES * PLANE_BYTES)
#define WEIGHT_BYTES (9 * 64 * 64 * 2)
#define WEIGHT_STEP 1024  // bytes from 8 input channels to the next 8, for 64 output channels
#define STAGING_BYTES 1024  // of a warp

struct Layer {
    const u8* weights;    // [tap][input channel / 8][output channel][input channel % 8] float16
    const float* biases;  // [64]
    const u32* slopes;    // [64] float16 twice
};

__device__ __forceinline__ void barrier_init(u32 barrier, u32 count) {
    asm volatile("mbarrier.init.shared::cta.b64 [%0], %1;" :: "r"(barrier), "r"(count) : "memory");
}

__device__ __forceinline__ void barrier_expect(u32 barrier, u32 bytes) {
    asm volatile("mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;" :: "r"(barrier), "r"(bytes) : "memory");
}

__device__ __forceinline__ void barrier_arrive(u32 barrier) {
    asm volatile("mbarrier.arrive.shared::cta.b64 _, [%0];" :: "r"(barrier) : "memory");
}

__device__ __forceinline__ void barrier_wait(u32 barrier, u32 parity) {
    u32 done = 0;
    while (!done)
        asm volatile("{\n.reg .pred p;\nmbarrier.try_wait.parity.shared::cta.b64 p, [%1], %2;\nselp.u32 %0, 1, 0, p;\n}"
                     : "=r"(done) : "r"(barrier), "r"(parity) : "memory");
}

__device__ __forceinline__ void copy_in(u32 to, const void* from, u32 bytes, u32 barrier) {
    asm volatile("cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes [%0], [%1], %2, [%3];"
                 :: "r"(to), "l"(from), "r"(bytes), "r"(barrier) : "memory");
}

// Wait for the turn to queue products, and pass it on: `who` is the warpgroup whose turn it becomes.
__device__ __forceinline__ void turn_await(int who) {
    asm volatile("bar.sync %0, %1;" :: "r"(who + 1), "r"(CONSUMERS) : "memory");
}
__device__ __forceinline__ void turn_give(int who) {
    asm volatile("bar.arrive %0, %1;" :: "r"(who + 1), "r"(CONSUMERS) : "memory");
}

// The descriptor of a matrix in shared memory without swizzle: bytes from 8 rows (or columns) to the next 8, and from 8
// values of the summed axis to the next 8.
__device__ __forceinline__ u64 matrix(u32 address, u32 outer, u32 summed) {
    return (u64)(address >> 4) | (u64)(summed >> 4) << 16 | (u64)(outer >> 4) << 32;
}

// The rows of all strips are one sequence, of which each block has a range.
struct Work {
    int next, end, height;
    int strip, row, count;  // consecutive rows in one strip
    __device__ __forceinline__ Work(int total, int height_) : height(height_) {
        next = (int)((u64)total * blockIdx.x / gridDim.x);
        end = (int)((u64)total * (blockIdx.x + 1) / gridDim.x);
    }
    __device__ __forceinline__ bool more() {
        if (next >= end) return false;
        strip = next / height;
        row = next % height;
        count = min(end - next, height - row);
        next += count;
        return true;
    }
};

struct Shared {
    u32 weights, ring, staging, full, empty, ready;
    __device__ __forceinline__ Shared(u32 base) {
        ring = base;
        weights = ring + RING * ROW_BYTES;
        staging = weights + WEIGHT_BYTES;
        full = staging + CONSUMERS / 32 * STAGING_BYTES;
        empty = full + 8 * RING;
        ready = empty + 8 * RING;
    }
};

__device__ __forceinline__ void produce(
    const u8* in, const Layer& layer, const Picture& picture, const Shared& shared, int strips
) {
    int lane = threadIdx.x % 32;
    if (lane == 0) {
        barrier_expect(shared.ready, WEIGHT_BYTES);
        copy_in(shared.weights, layer.weights, WEIGHT_BYTES, shared.ready);
    }
    int line = 0;
    for (Work work(strips * picture.height, picture.height); work.more();) {
        for (int j = 0; j < work.count + 2; j++, line++) {
            int slot = line % RING, round = line / RING;
            if (round > 0) barrier_wait(shared.empty + 8 * slot, (round - 1) & 1);
            if (lane == 0) barrier_expect(shared.full + 8 * slot, ROW_BYTES);
            __syncwarp();
            if (lane < PLANES)
                copy_in(
                    shared.ring + slot * ROW_BYTES + lane * PLANE_BYTES,
                    in + place(picture, lane, work.row + j - 1, work.strip * TILE - 1), PLANE_BYTES,
                    shared.full + 8 * slot
                );
        }
    }
}

// Queues one row's 36 products; `line` is the ring's row above it.
__device__ __forceinline__ void multiply(float (&sums)[TILE / 2], const Shared& shared, int line) {
    asm volatile("wgmma.fence.sync.aligned;" ::: "memory");
    u64 weights = matrix(shared.weights, 128, WEIGHT_STEP);
#pragma unroll
    for (int dy = 0; dy < 3; dy++) {
        u64 pixels = matrix(shared.ring + (line + dy) % RING * ROW_BYTES, 128, PLANE_BYTES);
#pragma unroll
        for (int dx = 0; dx < 3; dx++)
#pragma unroll
            for (int part = 0; part < 4; part++)
                product(
                    sums, weights + (((dy * 3 + dx) * 8 + part * 2) * WEIGHT_STEP >> 4),
                    pixels + ((part * 2 * PLANE_BYTES + dx * PIXEL) >> 4), dy + dx + part > 0
                );
    }
    asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory");
}

__device__ __forceinline__ void finish(
    float (&sums)[TILE / 2], u8* out, const Picture& picture, u32 staging, const float (&bias)[2],
    const u32 (&slope)[2], int plane, int y, int x
) {
#pragma unroll
    for (int block = 0; block < TILE / 16; block++) {
        u32 values[4];
#pragma unroll
        for (int i = 0; i < 4; i++) {
            int first = block * 8 + (i & 1) * 4 + (i >> 1) * 2;
            values[i] = prelu(packed(sums[first] + bias[i >> 1], sums[first + 1] + bias[i >> 1]), slope[i >> 1]);
        }
        write_pixels(out, picture, staging + (block & 1) * 512, plane, y, x + block * 16, values);
    }
}

__device__ __forceinline__ void consume(
    u8* out, const Layer& layer, const Picture& picture, const Shared& shared, int strips
) {
    int group = threadIdx.x / 128, warp = threadIdx.x / 32, lane = threadIdx.x % 32;
    int channel = warp % 4 * 16 + lane / 4;
    float bias[2] = {layer.biases[channel], layer.biases[channel + 8]};
    u32 slope[2] = {layer.slopes[channel], layer.slopes[channel + 8]};
    u32 staging = shared.staging + warp * STAGING_BYTES;
    barrier_wait(shared.ready, 0);
    if (group == 1) turn_give(0);
    int line = 0, before = 0;  // the first row of this run in the ring; rows that were computed before it
    for (Work work(strips * picture.height, picture.height); work.more(); before += work.count) {
        int waited = 0, released = 0;
        for (int i = (before + group) & 1; i < work.count; i += 2) {
            for (; waited < i + 3; waited++)
                barrier_wait(shared.full + 8 * ((line + waited) % RING), (line + waited) / RING & 1);
            float sums[TILE / 2];
            turn_await(group);
            multiply(sums, shared, line + i);
            turn_give(1 - group);
            asm volatile("wgmma.wait_group.sync.aligned 0;" ::: "memory");
#pragma unroll
            for (float& sum : sums) asm volatile("" : "+f"(sum)::"memory");  // no sum may be read before the wait
            for (; released < i + 2; released++)
                if (lane == 0) barrier_arrive(shared.empty + 8 * ((line + released) % RING));
            finish(sums, out, picture, staging, bias, slope, warp % 4 * 2, work.row + i, work.strip * TILE);
        }
        for (; waited < work.count + 2; waited++)
            barrier_wait(shared.full + 8 * ((line + waited) % RING), (line + waited) / RING & 1);
        for (; released < work.count + 2; released++)
            if (lane == 0) barrier_arrive(shared.empty + 8 * ((line + released) % RING));
        line += work.count + 2;
    }
}

extern "C" __global__ void __launch_bounds__(CONSUMERS + 32, 1) conv(
    const u8* in, u8* out, const Layer layer, const Picture picture
) {
    extern __shared__ __align__(128) u8 memory[];
    int strips = (picture.width + TILE - 1) / TILE;
    const Shared shared(shared_address(memory));
    if (threadIdx.x == 0) {
        for (int slot = 0; slot < RING; slot++) {
            barrier_init(shared.full + 8 * slot, 1);
            barrier_init(shared.empty + 8 * slot, CONSUMERS / 32);
        }
        barrier_init(shared.ready, 1);
        asm volatile("fence.mbarrier_init.release.cluster;" ::: "memory");
    }
    __syncthreads();
    if (threadIdx.x >= CONSUMERS)
        produce(in, layer, picture, shared, strips);
    else
        consume(out, layer, picture, shared, strips);
}
