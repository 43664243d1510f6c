# SPDX-License-Identifier: MIT
# The table of cylinders: radius, height and material vary, the rest follows; every value is off by up to 1 %.
#
#   awk -v first=1 -v last=400 -f cylinders.awk > cylinders_train.csv
#   awk -v first=401 -v last=500 -f cylinders.awk > cylinders_test.csv
function frac(x) { return x - int(x) }
function off(value, prime) { return value * (0.99 + 0.02 * frac(i * sqrt(prime))) }
BEGIN {
  pi = atan2(0, -1)
  print "radius_mm,height_mm,volume_cm3,surface_cm2,mass_g,steel"
  for (i = first; i <= last; ++i) {
    radius = 5 + 20 * frac(i * sqrt(2))
    height = 10 + 90 * frac(i * sqrt(3))
    steel = frac(i * sqrt(5)) < 0.5
    volume = pi * radius ^ 2 * height / 1000
    surface = 2 * pi * radius * (radius + height) / 100
    mass = volume * (steel ? 7.85 : 2.70)
    printf "%.2f,%.2f,%.3f,%.2f,%.2f,%d\n", off(radius, 7), off(height, 11), off(volume, 13), off(surface, 17),
           off(mass, 19), steel
  }
}
