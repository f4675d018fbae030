// A 3x3 convolution of 64 channels to 64 with its PReLU, for every GPU that has mma.sync and cp.async (sm_80 and newer).
//
// A block computes ROWS x COLUMNS pixels from shared memory, which holds them and a border of one pixel, in planes of 8
// channels. A warp has two rows of 32 pixels and all 64 output channels: 128 sums a thread. Pixels are the right
// operand, loaded by ldmatrix. The weights are the left one: they lie in memory in the order of the lanes and come
// through the caches.

#define ROWS 8
#define COLUMNS 32
#define CONV_THREADS 128
#define TILE_PITCH (COLUMNS + 2)
#define PLANE_BYTES ((ROWS + 2) * TILE_PITCH * PIXEL)
#define PLANE_PIXELS ((ROWS + 2) * TILE_PITCH)

struct Layer {
    const u8* weights;    // [tap][input channel / 16][output channel / 16][lane][8] float16
    const float* biases;  // [64]
    const u32* slopes;    // [64] float16 twice
};

__device__ __forceinline__ void load_tile(const u8* in, const Picture& picture, u32 tile, int y0, int x0) {
    for (int i = threadIdx.x; i < PLANES * PLANE_PIXELS; i += CONV_THREADS) {
        int plane = i / PLANE_PIXELS, rest = i % PLANE_PIXELS;
        const u8* from = in + place(picture, plane, y0 - 1 + rest / TILE_PITCH, x0 - 1 + rest % TILE_PITCH);
        asm volatile("cp.async.cg.shared.global [%0], [%1], 16;" :: "r"(tile + i * PIXEL), "l"(from) : "memory");
    }
    asm volatile("cp.async.wait_all;" ::: "memory");
}

__device__ __forceinline__ void load_blocks(u32 (&values)[4], u32 address) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(values[0]), "=r"(values[1]), "=r"(values[2]), "=r"(values[3]) : "r"(address) : "memory");
}

extern "C" __global__ void __launch_bounds__(CONV_THREADS, 2) conv(
    const u8* in, u8* out, const Layer layer, const Picture picture
) {
    __shared__ __align__(128) u8 memory[PLANES * PLANE_BYTES];
    __shared__ __align__(128) u8 staging[CONV_THREADS / 32][1024];
    int warp = threadIdx.x / 32, lane = threadIdx.x % 32;
    int y0 = blockIdx.y * ROWS, x0 = blockIdx.x * COLUMNS;
    u32 tile = shared_address(memory);
    load_tile(in, picture, tile, y0, x0);

    const uint4* weights = (const uint4*)layer.weights + lane;
    uint4 left[2][4];
#pragma unroll
    for (int block = 0; block < 4; block++) left[0][block] = __ldg(weights + block * 32);
    float sums[4][8][4] = {};
    // A lane's address for ldmatrix, which loads two blocks of 8 pixels, each in two planes.
    u32 own = tile + (lane / 8 % 2) * PLANE_BYTES + (lane / 16 * 8 + lane % 8) * PIXEL + warp * 2 * TILE_PITCH * PIXEL;
    __syncthreads();
#pragma unroll 1
    for (int tap = 0; tap < 9; tap++) {
        u32 shifted = own + (tap / 3 * TILE_PITCH + tap % 3) * PIXEL;
#pragma unroll
        for (int part = 0; part < 4; part++) {
            weights += 128;  // of the next step; after the last there is a step of zeros
#pragma unroll
            for (int block = 0; block < 4; block++) left[(part + 1) % 2][block] = __ldg(weights + block * 32);
#pragma unroll
            for (int pair = 0; pair < 4; pair++) {
                u32 right[4];
                u32 offset = (pair / 2 * TILE_PITCH + pair % 2 * 16) * PIXEL;
                load_blocks(right, shifted + part * 2 * PLANE_BYTES + offset);
#pragma unroll
                for (int block = 0; block < 4; block++) {
                    multiply_add(sums[block][pair * 2], left[part % 2][block], right[0], right[1]);
                    multiply_add(sums[block][pair * 2 + 1], left[part % 2][block], right[2], right[3]);
                }
            }
        }
    }
#pragma unroll
    for (int block = 0; block < 4; block++) {
        int channel = block * 16 + lane / 4;
        float bias[2] = {layer.biases[channel], layer.biases[channel + 8]};
        u32 slope[2] = {layer.slopes[channel], layer.slopes[channel + 8]};
#pragma unroll
        for (int pair = 0; pair < 4; pair++) {
            u32 values[4];
#pragma unroll
            for (int i = 0; i < 4; i++) {
                const float* two = sums[block][pair * 2 + (i & 1)] + (i >> 1) * 2;
                values[i] = prelu(packed(two[0] + bias[i >> 1], two[1] + bias[i >> 1]), slope[i >> 1]);
            }
            int y = y0 + warp * 2 + pair / 2, x = x0 + pair % 2 * 16;
            u32 turn = shared_address(staging[warp]) + (pair & 1) * 512;
            write_pixels(out, picture, turn, block * 2, y, x, values);
        }
    }
}
