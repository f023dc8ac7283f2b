[playlist]
File1=a.mp3
Title1=Chic - Le Freak
Length1=210
File2=b.mp3
Title2=Untitled
Length2=-1
Title3=no file
NumberOfEntries=3
Version=2
