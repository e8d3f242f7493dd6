"""Names of licences as people write them. They are compared by `folding`, so case, order and words such as "the" do not count."""

# What is meant is clear, though SPDX writes it otherwise. One line for each licence.
CLEAR = """
0BSD: zero clause bsd, bsd 0 clause, bsd zero clause, bsd0, free public license 1.0.0
AGPL-3.0-only: agpl 3, gnu agpl 3, affero gpl 3, agplv3 only
AGPL-3.0-or-later: agpl 3 or later, agpl3+
Aladdin: aladdin free public, aladdin free public afpl, afpl
Apache-1.1: apache 1.1, apache software 1.1
Apache-2.0: apache 2, apache2, asl 2, apache2.0, al 2.0, apl 2.0, apache public 2.0, apache software foundation 2.0
Apache-2.0: apache 2.0 see license file, apache license 2.0 apache 2, apache licence 2.0 http www apache org licenses license 2.0
Apache-2.0 WITH LLVM-exception: apache 2 with llvm exceptions, apache 2 with llvm exception, apache 2 llvm
Artistic-2.0: artistic 2, perl artistic 2
BSD-2-Clause: bsd 2 clause, bsd 2, bsd2, bsd two clause, simplified bsd, simplified bsd 2 clause, freebsd, bsdl, bsd 2 clause simplified
BSD-2-Clause: bsd 2 clauses, bsd simplified 2, 2 clause bsd bsd 2 clause, bsd 2 clause freebsd style
BSD-3-Clause: bsd 3 clause, bsd 3, bsd3, bsd three clause, new bsd, modified bsd, revised bsd, bsd new, bsd 3 clauses, bsd 3 clause new
BSD-3-Clause: 3 clause revised bsd, new or modified bsd, new or revised bsd, modified bsd 3 clause, bsd modified, bsd revised, edl 1
BSD-3-Clause: bsd 3 clause modified, new bsd 3 clause, eclipse distribution 1, eclipse distribution edl 1, edl bsd style 1, eclipse edl 1
BSD-3-Clause: google bsd, go, scipy, 3 clause bsd and bsd 3 clause, bsd 3 clause new or revised, new style bsd, bsd new or revised
BSD-4-Clause: bsd 4 clause, bsd 4, original bsd, old bsd, bsd four clause
Beerware: beer ware, the beer ware
BSL-1.0: boost, boost 1, boost software, bsl 1, boost software bsl 1, boost 1.0 bsl 1.0
BlueOak-1.0.0: blue oak, blue oak model, blue oak model 1, blueoak 1
CC-BY-3.0: cc by 3, creative commons attribution 3, cc attribution 3, creative commons by 3, cc by unported 3
CC-BY-4.0: cc by 4, creative commons attribution 4, cc attribution 4, creative commons by 4, cc by international 4
CC-BY-SA-3.0: cc by sa 3, creative commons attribution share alike 3, creative commons attribution sharealike 3
CC-BY-SA-4.0: cc by sa 4, creative commons attribution share alike 4, creative commons attribution sharealike 4
CC-BY-NC-4.0: cc by nc 4, creative commons attribution non commercial 4, creative commons attribution noncommercial 4
CC-BY-NC-SA-4.0: cc by nc sa 4
CC0-1.0: cc0, cc 0, cc0 1.0 universal, creative commons zero, creative commons 0, creative commons cc0, cc0 universal, cc0 public domain
CC0-1.0: public domain per creative commons cc0, cc0 1.0 universal public domain dedication, creative commons zero 1, cc zero
CC0-1.0: public domain cc0, cc0 1.0 universal cc0 1.0 public domain dedication, public domain under creative commons cc0
CDDL-1.0: cddl 1, sun cddl 1
CDDL-1.1: cddl 1.1
CDDL-1.0 OR GPL-2.0-only WITH Classpath-exception-2.0: cddl 1 gpl 2 with classpath exception, cddl 1.0 or gpl 2 with cpe
CDDL-1.1 OR GPL-2.0-only WITH Classpath-exception-2.0: cddl 1.1 gpl 2 with classpath exception, cddl 1.1 gpl 2 ce
CECILL-2.1: cecill 2.1, cecill free software agreement 2.1, cecill free software agreement cecill 2.1
CECILL-B: cecill b, cecill b free software agreement, cecill b free software agreement cecill b
CECILL-C: cecill c, cecill c free software agreement, cecill c free software agreement cecill c
CPL-1.0: common public, cpl, common public 1
ECL-2.0: ecl 2, educational community 2
EPL-1.0: epl 1, eclipse 1, eclipse public 1, eclipse public epl 1
EPL-2.0: epl 2, eclipse 2, eclipse public 2, eclipse public epl 2
EUPL-1.0: eupl 1, european union public 1, european union public eupl 1
EUPL-1.1: eupl 1.1, european union public 1.1, european union public eupl 1.1
EUPL-1.2: eupl 1.2, european union public 1.2, european union public eupl 1.2
GPL-2.0-only: gpl 2, gnu gpl 2, gnu public 2, gnu general public 2, gpl 2 only, gpl2
GPL-2.0-only WITH Classpath-exception-2.0: gpl 2 with classpath exception, gpl 2 ce, gpl2 w/ cpe, gpl 2 cpe, gpl 2 with cpe
GPL-2.0-only WITH Classpath-exception-2.0: gpl 2 with the classpath exception, gnu gpl 2 with classpath exception, gpl 2 w cpe
GPL-2.0-only WITH Classpath-exception-2.0: gpl 2 with gnu classpath exception, gnu general public 2 only with classpath exception, gpl 2 classpath exception, gpl 2 w classpath exception
GPL-2.0-only WITH Universal-FOSS-exception-1.0: gpl 2 with universal foss exception 1
GPL-2.0-or-later: gpl 2 or later, gpl2+, gnu gpl 2 or later
GPL-3.0-only: gpl 3, gnu gpl 3, gnu public 3, gpl 3 only, gpl3
GPL-3.0-or-later: gpl 3 or later, gpl3+, gnu gpl 3 or later
HPND: historical permission notice and disclaimer, hpnd, historical permission notice and disclaimer hpnd
ICU: icu
IPL-1.0: ibm public, ibm public 1
ISC: isc, iscl, isc iscl, isc bsd, internet systems consortium
ImageMagick: imagemagick
JSON: json
LGPL-2.0-or-later: lgpl 2+, lgpl 2 or later
LGPL-2.0-only: lgpl 2, lesser gpl 2, library gpl 2
LGPL-2.1-only: lgpl 2.1, gnu lgpl 2.1, lesser gpl 2.1, gnu lesser public 2.1, lgpl 2.1 only, gnu lesser 2.1
LGPL-2.1-or-later: lgpl 2.1+, lgpl 2.1 or later, gnu lesser 2.1 or later
LGPL-3.0-only: lgpl 3, gnu lgpl 3, lesser gpl 3, gnu lesser public 3, lgpl 3 only, gnu lesser 3
LGPL-3.0-or-later: lgpl 3+, lgpl 3 or later
MIT: mit, mit x11, x11 mit, expat, mit expat, expat mit, mitlicense, mit opensource, mit open source, open source mit, mit lisence
MIT: bouncy castle, mit see license file, mit file license, mit opensource org licenses, http opensource org licenses mit, jquery
MIT: http www opensource org licenses mit license php, massachusetts institute technology, mit massachusetts institute technology
MIT: mit http opensource org licenses mit, mit license http opensource org licenses mit license
MIT-0: mit no attribution, mit 0, mit zero
MIT-CMU: cmu, cmu mit, hpnd pil
MPL-1.1: mpl 1.1, mozilla 1.1, mozilla public mpl 1.1
MPL-2.0: mpl 2, mozilla 2, mozilla public mpl 2
MS-PL: ms pl, microsoft public, microsoft public ms pl
MS-RL: ms rl, microsoft reciprocal
MulanPSL-2.0: mulan psl 2, mulan permissive software 2, mulan permissive software mulan psl 2
NCSA: ncsa, university illinois ncsa open source, university illinois open source, uiuc ncsa, university of illinois/ncsa open source
OFL-1.1: ofl, ofl 1.1, sil ofl 1.1, sil open font, sil open font 1.1, open font, sil open font ofl 1.1
OSL-3.0: osl 3, open software 3, open software osl 3
PostgreSQL: postgresql, postgres
PSF-2.0: psf 2, python software foundation 2
Python-2.0: python 2, cnri python 2
QPL-1.0: qpl, qpl 1, qt public, qt public qpl
Ruby: ruby, same as ruby, ruby's
Artistic-1.0-Perl OR GPL-1.0-or-later: perl, perl 5, same as perl, same as perl 5, perl artistic gpl, artistic or gpl as perl, same terms as perl itself
Nokia: nokia, nokia open source nokos
SPL-1.0: sun public, sun public 1
Sleepycat: sleepycat
UPL-1.0: upl, upl 1, universal permissive, universal permissive 1, universal permissive upl 1
Unicode-DFS-2016: unicode dfs 2016, unicode data files and software 2016
Unlicense: unlicense, unlicensed unlicense, public domain unlicense, unlicense unlicense, unlicence, unlicense public domain
Vim: vim
W3C: w3c, w3c software
WTFPL: wtfpl, wtfpl 2, wtf, do what the fuck you want to public, do what the fuck you want to, do what the fuck you want to public wtfpl
Watcom-1.0: sybase open watcom public 1
X11: x11, x 11
Zlib: zlib, zlib libpng, libpng zlib, zlib/libpng
Zlib OR BSL-1.0: zlib or bsl 1
ZPL-2.0: zope public 2, zpl 2
ZPL-2.1: zope public 2.1, zpl 2.1
bzip2-1.0.6: bzip2
"""

# What is meant has several versions or variants; the one that is taken here asks for the most, or is the newest.
VAGUE = """
AFL-3.0: afl, academic free
AGPL-3.0-or-later: agpl, gnu agpl, affero gpl, gnu affero general public, affero, agpl or later, gnu affero
APSL-2.0: apsl, apple public source
Apache-2.0: apache, asl, apache software, asf, apache style, apache software foundation, apache like, al, apl, apache public
Artistic-2.0: artistic
BSD-3-Clause: bsd, bsd style, bsd like, berkeley, bsd type, bsd derived, bsd compatible, bsd open source, bsd software, bsd see license file
BUSL-1.1: busl, business source
CDDL-1.1: cddl, sun cddl
CDDL-1.1 OR GPL-2.0-only WITH Classpath-exception-2.0: cddl gpl 2 ce, cddl gpl 2 with classpath exception, cddl gpl, dual cddl gpl 2
CECILL-2.1: cecill, cecill free software agreement
CC-BY-4.0: cc by, creative commons attribution, cc attribution
CC-BY-SA-4.0: cc by sa, creative commons attribution share alike, creative commons attribution sharealike
ECL-2.0: ecl, educational community
EFL-2.0: efl, eiffel forum, eiffel forum efl
EPL-2.0: epl, eclipse, eclipse public
EUPL-1.2: eupl, european union public
GFDL-1.3-or-later: gnu free documentation fdl, gfdl, gnu free documentation, gnu fdl, fdl
GPL-1.0-or-later: gpl, gnu gpl, gnu, gpl only, gnu general public, gnu public, gpl or later, general public
GPL-2.0-only WITH Classpath-exception-2.0: gpl with classpath exception
LGPL-2.0-or-later: lgpl, gnu lgpl, gnu library or lesser general public, library gpl, lesser gpl, gnu lesser public, lgpl or later, gnu lesser
MIT: mit style, mit like, mit type, mit free
MPL-2.0: mpl, mozilla, mozilla public
NPL-1.1: npl, netscape public, netscape public npl
OSL-3.0: osl, open software
PSF-2.0: psf, psfl, python, python software foundation, psf license agreement, python style, python software foundation license agreement
Unicode-3.0: unicode, unicode icu
ZPL-2.1: zope public, zpl, zope
"""

# References for what is no licence of a list. PEP 639 names the first two, npm and RubyGems the others.
REFERENCES = """
LicenseRef-Public-Domain: public domain, publicdomain, pd, in public domain
LicenseRef-Proprietary: proprietary, commercial, all rights reserved, closed source, other proprietary, private, internal
LicenseRef-Proprietary: commercial proprietary, proprietary commercial, propietary, proprietary software, proprietary all rights reserved
LicenseRef-Nonstandard: nonstandard
"""
