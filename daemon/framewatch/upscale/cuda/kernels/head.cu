// The first convolution: interleaved RGB integers to 64 channels, with its PReLU.
//
// The integers go in as they are, since float16 holds them exactly (a 16-bit value as its two bytes), and the sums are
// scaled afterwards in float32: 64.7 dB, where torch with values in [0, 1] gives 56.9. The sum runs over
// k = (byte * 3 + row) * 9 + column * 3 + colour, padded to DEPTH.

#define HEAD_WARPS 4
#define HEAD_TILE 128  // pixels of a block
#define HEAD_VALUES ((HEAD_TILE + 2) * 3)
#define DEPTH (BYTES == 1 ? 32 : 64)

__device__ __forceinline__ u16 half_of(u32 value) {
    u16 half;
    asm("cvt.rn.f16.u32 %0, %1;" : "=h"(half) : "r"(value));
    return half;
}

extern "C" __global__ void __launch_bounds__(HEAD_WARPS * 32) head(
    const u8* frame, u8* out, const uint4* weights, const float* biases, const u32* slopes, const Picture picture,
    float scale
) {
    __shared__ u16 values[BYTES][3][HEAD_VALUES];
    __shared__ __align__(16) u8 staging[HEAD_WARPS][1024];
    int x0 = blockIdx.x * HEAD_TILE, y = blockIdx.y;
    for (int i = threadIdx.x; i < 3 * HEAD_VALUES; i += HEAD_WARPS * 32) {
        int row = i / HEAD_VALUES, rest = i % HEAD_VALUES, x = x0 - 1 + rest / 3, from = y - 1 + row;
        bool inside = x >= 0 && x < picture.width && from >= 0 && from < picture.height;
        u64 at = ((u64)from * picture.width + x0 - 1) * 3 + rest;
#if BYTES == 1
        values[0][row][rest] = half_of(inside ? frame[at] : 0);
#else
        u32 value = inside ? ((const u16*)frame)[at] : 0;
        values[0][row][rest] = half_of(value & 255);
        values[1][row][rest] = half_of(value & ~255u);
#endif
    }
    __syncthreads();

    int warp = threadIdx.x / 32, lane = threadIdx.x % 32;
    int offsets[DEPTH / 16][4];  // of the values that this lane reads, from the first of a pixel
    for (int step = 0; step < DEPTH / 16; step++)
        for (int i = 0; i < 4; i++) {
            int k = step * 16 + lane % 4 * 2 + (i & 1) + (i >> 1) * 8;
            k = min(k, 27 * BYTES - 1);  // beyond them the weights are zero
            offsets[step][i] = k / 9 * HEAD_VALUES + k % 9;
        }
    const u16* flat = &values[0][0][0];
    for (int part = 0; part < HEAD_TILE / HEAD_WARPS / 16; part++) {
        int x = (warp * (HEAD_TILE / HEAD_WARPS / 16) + part) * 16;
        float sums[2][4][4] = {};
        for (int step = 0; step < DEPTH / 16; step++)
            for (int half = 0; half < 2; half++) {
                const u16* pixel = flat + (x + half * 8 + lane / 4) * 3;
                u32 b0 = pixel[offsets[step][0]] | (u32)pixel[offsets[step][1]] << 16;
                u32 b1 = pixel[offsets[step][2]] | (u32)pixel[offsets[step][3]] << 16;
                for (int block = 0; block < 4; block++)
                    multiply_add(sums[half][block], weights[(step * 4 + block) * 32 + lane], b0, b1);
            }
        for (int block = 0; block < 4; block++) {
            u32 turned[4];
            for (int i = 0; i < 4; i++) {
                int channel = block * 16 + (i >> 1) * 8 + lane / 4;
                float bias = biases[channel];
                const float* pair = sums[i & 1][block] + (i >> 1) * 2;
                turned[i] = prelu(packed(pair[0] * scale + bias, pair[1] * scale + bias), slopes[channel]);
            }
            u32 own = shared_address(staging[warp]) + (block & 1) * 512;
            write_pixels(out, picture, own, block * 2, y, x0 + x, turned);
        }
    }
}
