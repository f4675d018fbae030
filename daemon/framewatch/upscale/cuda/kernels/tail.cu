// After the last convolution: pixel shuffle, the enlarged input added, resize to SCALE, rounding to integers.
//
// A thread has one pixel of the input and writes its SCALE x SCALE pixels. The resize to 2x or 3x reads 6 x 6 pixels at
// 4x: the thread's own 4 x 4, and one of each neighbour. Beyond an edge of the 4x image its last pixel is repeated.

#define TAIL_THREADS 128
#if BYTES == 1
typedef u8 Value;
#define WHITE 255.0f
#else
typedef u16 Value;
#define WHITE 65535.0f
#endif

__device__ __forceinline__ float unpacked(u16 half) {
    float value;
    asm("cvt.f32.f16 %0, %1;" : "=f"(value) : "h"(half));
    return value;
}

// Rounds half to even and clamps to the range; NaN becomes 0, as in frames/pixels.py.
__device__ __forceinline__ u32 rounded(float value) {
    return (u32)__float2int_rn(fminf(fmaxf(value, 0.0f), WHITE));
}

struct Source {
    const u8* added;     // what the network adds: 48 channels, (colour, row, column) of a block of 4 x 4
    const Value* frame;
    Picture picture;

    __device__ __forceinline__ float input(int y, int x, int colour) const {
        return (float)frame[((u64)y * picture.width + x) * 3 + colour];
    }
    // The four values of one row of a block.
    __device__ __forceinline__ void row(int y, int x, int colour, int row, float (&values)[4]) const {
        const u8* at = added + place(picture, colour * 2 + row / 2, y, x) + row % 2 * 8;
        uint2 pairs = __ldg((const uint2*)at);
        const u32 words[2] = {pairs.x, pairs.y};
        float base = input(y, x, colour);
        for (int i = 0; i < 4; i++) values[i] = unpacked((u16)(words[i / 2] >> (i & 1) * 16)) * WHITE + base;
    }
    // A pixel of the 4x image, by its block, and its row and column there.
    __device__ __forceinline__ float pixel(int y, int x, int colour, int row, int column) const {
        const u8* at = added + place(picture, colour * 2 + row / 2, y, x) + (row % 2 * 4 + column) * 2;
        return unpacked(__ldg((const u16*)at)) * WHITE + input(y, x, colour);
    }
};

#if SCALE == 4
__device__ __forceinline__ void enlarge(const Source& source, int y, int x, u32 (&result)[4][12]) {
    for (int colour = 0; colour < 3; colour++)
        for (int row = 0; row < 4; row++) {
            float values[4];
            source.row(y, x, colour, row, values);
            for (int i = 0; i < 4; i++) result[row][i * 3 + colour] = rounded(values[i]);
        }
}
#else
__device__ constexpr float taps[SCALE][6] = TAPS;

__device__ __forceinline__ void enlarge(const Source& source, int y, int x, u32 (&result)[SCALE][SCALE * 3]) {
    int width = source.picture.width, height = source.picture.height;
    int left = max(x - 1, 0), right = min(x + 1, width - 1);
    int left_column = x > 0 ? 3 : 0, right_column = x + 1 < width ? 0 : 3;
#pragma unroll
    for (int colour = 0; colour < 3; colour++) {
        float sums[SCALE][SCALE] = {};
#pragma unroll
        for (int i = 0; i < 6; i++) {  // the row above, the thread's own four, the row below
            int row = (i + 3) % 4, block = i == 0 ? y - 1 : i == 5 ? y + 1 : y;
            if (block < 0) block = 0, row = 0;
            if (block >= height) block = height - 1, row = 3;
            float own[4];
            source.row(block, x, colour, row, own);
            const float values[6] = {
                source.pixel(block, left, colour, row, left_column), own[0], own[1], own[2], own[3],
                source.pixel(block, right, colour, row, right_column)
            };
            float across[SCALE] = {};
#pragma unroll
            for (int j = 0; j < 6; j++)
#pragma unroll
                for (int b = 0; b < SCALE; b++) across[b] += taps[b][j] * values[j];
#pragma unroll
            for (int a = 0; a < SCALE; a++)
#pragma unroll
                for (int b = 0; b < SCALE; b++) sums[a][b] += taps[a][i] * across[b];
        }
        for (int a = 0; a < SCALE; a++)
            for (int b = 0; b < SCALE; b++) result[a][b * 3 + colour] = rounded(sums[a][b]);
    }
}
#endif

// Writes a thread's values of one row, in words where they fill words.
__device__ __forceinline__ void put(Value* to, const u32 (&values)[SCALE * 3]) {
#if SCALE == 4 || (SCALE == 2 && BYTES == 2)
    const int each = 4 / BYTES;
    for (int i = 0; i < SCALE * 3 / each; i++) {
        u32 word = 0;
        for (int k = 0; k < each; k++) word |= values[i * each + k] << (k * 8 * BYTES);
        ((u32*)to)[i] = word;
    }
#elif SCALE == 2
    for (int i = 0; i < 3; i++) ((u16*)to)[i] = (u16)(values[i * 2] | values[i * 2 + 1] << 8);
#else
    for (int i = 0; i < SCALE * 3; i++) to[i] = (Value)values[i];
#endif
}

extern "C" __global__ void __launch_bounds__(TAIL_THREADS) tail(
    const u8* added, const Value* frame, Value* out, const Picture picture
) {
    int x = blockIdx.x * TAIL_THREADS + threadIdx.x, y = blockIdx.y;
    if (x >= picture.width) return;
    const Source source{added, frame, picture};
    u32 result[SCALE][SCALE * 3];
    enlarge(source, y, x, result);
    for (int row = 0; row < SCALE; row++)
        put(out + (((u64)y * SCALE + row) * picture.width + x) * SCALE * 3, result[row]);
}
