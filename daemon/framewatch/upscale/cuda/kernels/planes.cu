// YUV 4:2:0 planes to interleaved RGB, and back. `frames/yuv.py` defines the conversion, and this is compared with it.
//
// IN, OUT and RGB are the integer types of the input, of the output and of the RGB between them. The other names in
// capitals are numbers of the coding and of the filters, defined by `cuda/source.py`. STRIP is the number of chroma rows
// of a thread in `pack`: the rows of RGB that they share are summed once.

typedef unsigned long long u64;

#define PEAK_OF(type) (sizeof(type) == 1 ? 255.f : 65535.f)

__device__ constexpr float across[2][4] = ACROSS, down[2][4] = DOWN;
__device__ constexpr float columns[8] = COLUMNS, rows[8] = ROWS;

__device__ __forceinline__ int clamped(int value, int most) { return min(max(value, 0), most); }

__device__ __forceinline__ float coded(float value, float most) { return rintf(fminf(fmaxf(value, 0.f), most)); }

// Upsamples chroma for the 2 x 2 pixels of one chroma sample: [row of the two][column of the two].
__device__ __forceinline__ void enlarge(const IN* plane, int y, int x, int width, int height, float (&chroma)[2][2]) {
    float wide[5][2];  // the chroma rows from y - 2 to y + 2
#pragma unroll
    for (int i = 0; i < 5; i++) {
        const IN* row = plane + (u64)clamped(y - 2 + i, height - 1) * width;
#pragma unroll
        for (int column = 0; column < 2; column++) {
            wide[i][column] = 0;
#pragma unroll
            for (int j = 0; j < 4; j++)
                if (across[column][j] != 0) wide[i][column] += across[column][j] * row[clamped(x - 2 + column + j, width - 1)];
        }
    }
#pragma unroll
    for (int odd = 0; odd < 2; odd++)
#pragma unroll
        for (int column = 0; column < 2; column++) {
            float sum = 0;
#pragma unroll
            for (int i = 0; i < 4; i++)
                if (down[odd][i] != 0) sum += down[odd][i] * wide[odd + i][column];
            chroma[odd][column] = (sum - GREY_IN) * (1.f / CHROMA_RANGE_IN);
        }
}

extern "C" __global__ void unpack(const IN* frame, RGB* rgb, int width, int height) {
    int x = blockIdx.x * blockDim.x + threadIdx.x, y = blockIdx.y, wide = width / 2, high = height / 2;
    if (x >= wide) return;
    const IN* blues = frame + (u64)width * height;
    float blue[2][2], red[2][2];
    enlarge(blues, y, x, wide, high, blue);
    enlarge(blues + (u64)wide * high, y, x, wide, high, red);
#pragma unroll
    for (int row = 0; row < 2; row++) {
        u64 at = (u64)(2 * y + row) * width + 2 * x;
#pragma unroll
        for (int column = 0; column < 2; column++) {
            float luma = (frame[at + column] - BLACK_IN) * (1.f / LUMA_RANGE_IN);
            float u = blue[row][column], v = red[row][column], peak = PEAK_OF(RGB);
            RGB* pixel = rgb + (at + column) * 3;
            pixel[0] = (RGB)coded((luma + RED_OF_V * v) * peak, peak);
            pixel[1] = (RGB)coded((luma + GREEN_OF_U * u + GREEN_OF_V * v) * peak, peak);
            pixel[2] = (RGB)coded((luma + BLUE_OF_U * u) * peak, peak);
        }
    }
}

// The filtered sums of one row of RGB around the two columns of a chroma sample.
__device__ __forceinline__ void reduce(const RGB* rgb, int y, int x, int width, int height, float (&sums)[3]) {
    const RGB* row = rgb + (u64)clamped(y, height - 1) * width * 3;
    sums[0] = sums[1] = sums[2] = 0;
#pragma unroll
    for (int i = 0; i < 8; i++) {
        if (columns[i] == 0) continue;
        const RGB* pixel = row + clamped(2 * x - 3 + i, width - 1) * 3;
        for (int colour = 0; colour < 3; colour++) sums[colour] += columns[i] * pixel[colour];
    }
}

extern "C" __global__ void pack(const RGB* rgb, OUT* frame, int width, int height) {
    int x = blockIdx.x * blockDim.x + threadIdx.x, first = blockIdx.y * STRIP, wide = width / 2, high = height / 2;
    if (x >= wide) return;
    const float unit = 1.f / PEAK_OF(RGB);
    OUT* blues = frame + (u64)width * height;
    OUT* reds = blues + (u64)wide * high;
    float window[8][3];  // the sums of RGB's rows from 2 y - 3 to 2 y + 4
#pragma unroll
    for (int i = 2; i < 8; i++) reduce(rgb, 2 * first - 5 + i, x, width, height, window[i]);
    for (int y = first; y < min(first + STRIP, high); y++) {
#pragma unroll
        for (int i = 0; i < 6; i++)
            for (int colour = 0; colour < 3; colour++) window[i][colour] = window[i + 2][colour];
        reduce(rgb, 2 * y + 3, x, width, height, window[6]);
        reduce(rgb, 2 * y + 4, x, width, height, window[7]);
        float mean[3] = {};
#pragma unroll
        for (int i = 0; i < 8; i++)
            for (int colour = 0; colour < 3; colour++) mean[colour] += rows[i] * window[i][colour];
        float luma = KR * mean[0] + KG * mean[1] + KB * mean[2];
        u64 small = (u64)y * wide + x;
        blues[small] = (OUT)coded((mean[2] - luma) * (unit * U_OF_BLUE) + GREY_OUT, PEAK_OUT);
        reds[small] = (OUT)coded((mean[0] - luma) * (unit * V_OF_RED) + GREY_OUT, PEAK_OUT);
        for (int row = 0; row < 2; row++)
            for (int column = 0; column < 2; column++) {
                u64 at = (u64)(2 * y + row) * width + 2 * x + column;
                const RGB* pixel = rgb + at * 3;
                float value = KR * pixel[0] + KG * pixel[1] + KB * pixel[2];
                frame[at] = (OUT)coded(value * (unit * LUMA_RANGE_OUT) + BLACK_OUT, PEAK_OUT);
            }
    }
}
