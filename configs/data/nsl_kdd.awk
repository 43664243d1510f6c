# SPDX-License-Identifier: MIT
# The NSL-KDD table (41 features of network connections, a label, a difficulty) as numbers, columns grouped by kind.
# The first file names the services, the second one is converted; normal=1 keeps connections that are no attack.
#
#   awk -v normal=1 -f nsl_kdd.awk KDDTrain+.txt KDDTrain+.txt > nsl_kdd_train.csv
#   awk -f nsl_kdd.awk KDDTrain+.txt KDDTest+.txt > nsl_kdd_test.csv
BEGIN {
  FS = ","
  split("icmp tcp udp", protocols, " ")
  split("OTH REJ RSTO RSTOS0 RSTR S0 S1 S2 S3 SF SH", flags, " ")
  for (i in protocols) protocol[protocols[i]] = i - 1
  for (i in flags) flag[flags[i]] = i - 1
  n_continuous = split("1 5 6", continuous, " ")
  n_binary = split("7 12 14 21 22", binary, " ")
  n_counts = split("8 9 10 11 13 15 16 17 18 19 23 24 32 33", counts, " ")
  n_rates = split("25 26 27 28 29 30 31 34 35 36 37 38 39 40 41", rates, " ")
}
FNR == 1 { ++file }
file == 1 { if (!($3 in service)) service[$3] = services++; next }
normal && $42 != "normal" { next }
{
  if (!header++) {
    for (i = 1; i <= n_continuous; ++i) printf "log1p_%d,", continuous[i]
    for (i = 1; i <= n_binary; ++i) printf "binary_%d,", binary[i]
    for (i = 1; i <= n_counts; ++i) printf "count_%d,", counts[i]
    for (i = 1; i <= n_rates; ++i) printf "rate_%d,", rates[i]
    print "protocol,service,flag,attack"
  }
  for (i = 1; i <= n_continuous; ++i) printf "%.4f,", log(1 + $continuous[i])
  for (i = 1; i <= n_binary; ++i) printf "%d,", ($binary[i] > 0)
  for (i = 1; i <= n_counts; ++i) printf "%d,", $counts[i]
  for (i = 1; i <= n_rates; ++i) printf "%s,", $rates[i]
  print protocol[$2] "," (($3 in service) ? service[$3] : service["other"]) "," flag[$4] "," ($42 != "normal")
}
